/* Attaching to a guest's console. */
#ifndef XM_CONSOLE_H
#define XM_CONSOLE_H

#include <stdbool.h>

/* Joins the terminal (or whatever stdin and stdout are) to the console, until Ctrl-] or the
 * domain's end.  replay: what was said before, first.  The error is said; gives the status. */
int console_attach(int domid, bool replay);

/* Joins the terminal, if it is one, to a boot loader's menu until that ends.  Whatever happens
 * there, the job's outcome tells. */
void console_menu(const char *path);

#endif
