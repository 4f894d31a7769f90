/* Tools that xm is when it is called by their names; each takes main's arguments. */
#ifndef XM_TOOLS_H
#define XM_TOOLS_H

int tool_xentop(int argc, char **argv);
int tool_xenconsole(int argc, char **argv);

#endif
