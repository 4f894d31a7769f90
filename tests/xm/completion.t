# What bash completes; it asks xm itself, so new commands need nothing here.

== commands are completed
$ bash -c '. "$0"; COMP_WORDS=(xm unp); COMP_CWORD=1; _xm; echo "${COMPREPLY[@]}"' "$OLDPWD/xm/completion.bash"
> unpause

== options are completed with the equals sign that a value needs
$ bash -c 'compopt() { :; }; . "$0"; COMP_WORDS=(xm list --st); COMP_CWORD=2; _xm; echo "${COMPREPLY[@]}"' "$OLDPWD/xm/completion.bash"
> --state=

== files are completed where a configuration is wanted
$ : >web.cfg; bash -c '. "$0"; COMP_WORDS=(xm create we); COMP_CWORD=2; _xm; echo "${COMPREPLY[@]}"' "$OLDPWD/xm/completion.bash"
> web.cfg

== every command that can be used has its paragraph in xm(1)
$ for c in $(xm help | awk '/^ [a-z]/ && !/Not available/ { print $1 }'); do xm $c --help | grep -q 'Not available' || grep -q -e "$c" "$OLDPWD/man/xm.1" || echo $c; done

