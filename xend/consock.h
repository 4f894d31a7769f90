/*
 * consock.h - how viewers reach xenconsoled: a Unix socket, one line each way, then the console.
 *
 *	-> attach <domid> <replay: 0 or 1>
 *	<- ok writer | ok viewer | Error text
 */
#ifndef XEND_CONSOCK_H
#define XEND_CONSOCK_H

#define CONSOCK_PATH "/var/run/xen/xenconsoled.sock"
#define CONSOCK_ATTACH "attach %d %d"	/* for printf and sscanf */
#define CONSOCK_OK "ok "
#define CONSOCK_VIEWER "viewer"

#endif
