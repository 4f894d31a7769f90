# bash completion for xm(1): commands, options, domains, vcpus and configuration files.

_xm_commands() {
	xm help 2>/dev/null | awk '/^ [a-z]/ { print $1 }'
}

_xm_domains() {
	xm list "$@" 2>/dev/null | awk 'NR > 1 { print $1 }'
}

_xm_options() {
	xm "$1" --help 2>/dev/null | sed -n 's/^  \(-[a-zA-Z], \)\{0,1\}\(--[a-z_-]*=\{0,1\}\).*/\2/p'
}

_xm() {
	local cur=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]}

	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		COMPREPLY=($(compgen -W "$(_xm_commands)" -- "$cur"))
		return
	fi
	if [[ $cur == -* ]]; then
		COMPREPLY=($(compgen -W "$(_xm_options "$command")" -- "$cur"))
		[[ ${COMPREPLY[0]} != *= ]] || compopt -o nospace
		return
	fi
	case $command in
	create | new | lint)
		COMPREPLY=($(compgen -f -- "$cur") $(cd /etc/xen 2>/dev/null && compgen -f -- "$cur"))
		;;
	restore | dump-core)
		COMPREPLY=($(compgen -W "$(_xm_domains)" -- "$cur") $(compgen -f -- "$cur"))
		;;
	resume)
		[ "$COMP_CWORD" -ne 2 ] ||
			COMPREPLY=($(compgen -W "$(_xm_domains --state=suspended)" -- "$cur"))
		;;
	trigger)
		if [ "$COMP_CWORD" -eq 3 ]; then
			COMPREPLY=($(compgen -W "nmi reset init s3resume power" -- "$cur"))
		else
			COMPREPLY=($(compgen -W "$(_xm_domains)" -- "$cur"))
		fi
		;;
	info | dmesg | log | top | jobs | events | doctor | debug-keys | shell | help) ;;
	list | vcpu-list | uptime)
		COMPREPLY=($(compgen -W "$(_xm_domains)" -- "$cur"))
		;;
	*)
		[ "$COMP_CWORD" -ne 2 ] || COMPREPLY=($(compgen -W "$(_xm_domains)" -- "$cur"))
		;;
	esac
}

complete -F _xm xm
