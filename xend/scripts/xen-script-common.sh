# What all of Xen's scripts share: their words as variables, a log, the time-outs of locks.  Sourced.
# Third parties' scripts source these files too: the names of functions are an interface.
# shellcheck shell=sh

PATH=$PATH:/usr/sbin:/usr/bin:/sbin:/bin
export PATH LANG=C

xen_proc=${XEN_PROC:-/proc}
xen_sys=${XEN_SYS:-/sys}
xen_run=${XEN_RUN:-/run}/xen-hotplug

# evalVariables WORD…: each NAME=VALUE becomes a variable; nothing in a value is executed.
evalVariables() {
	for word; do
		case $word in
		[a-zA-Z_]*=*)
			name=${word%%=*}
			case $name in
			*[!a-zA-Z0-9_]*|PATH|IFS|ENV|LD_*) continue ;;
			esac
			value=${word#*=}
			eval "$name=\$value" ;;
		esac
	done
}

# log LEVEL TEXT…: for syslog; what a person must see goes to stderr, which xend keeps.
log() {
	level=$1
	shift
	logger -t "${0##*/}" -p "daemon.$level" -- "$*" 2>/dev/null || :
}

complain() {
	log err "$*"
	printf '%s\n' "$*" >&2
}
