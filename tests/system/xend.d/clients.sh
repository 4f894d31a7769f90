# What other people's programs make of xm's answers, by their own rules (their code is not ours).
# shellcheck shell=sh disable=SC2154

# ganeti: every running domain is six words, of which the 2nd to 4th are whole numbers and the 6th a
# decimal one; a state has six places.
ganeti_list() {
	xm list | awk '
		NR == 1 { next }
		NF != 6 { print "not six words: " $0; bad = 1 }
		$2 !~ /^[0-9]+$/ || $3 !~ /^[0-9]+$/ || $4 !~ /^[0-9]+$/ { print "no numbers: " $0; bad = 1 }
		$5 !~ /^[r-][b-][p-][s-][c-][d-]$/ { print "no state: " $5; bad = 1 }
		$6 !~ /^[0-9]+\.[0-9]$/ { print "no time: " $6; bad = 1 }
		END { exit bad }'
}

# ganeti: `key : value` up to the first colon; these keys are whole numbers.
ganeti_info() {
	xm info >/tmp/info || return 1
	for key in total_memory free_memory nr_cpus nr_nodes cores_per_socket threads_per_core \
			xen_major xen_minor; do
		value=$(sed -n "s/^$key *: *//p" /tmp/info)
		[ -n "$value" ] && [ -z "$(echo "$value" | tr -d 0-9)" ] || { echo "$key is '$value'"; return 1; }
	done
	! grep -v ':' /tmp/info || { echo "a line without a colon"; return 1; }
}

# ganeti's samples of `xm uptime`: name, number, and hours:minutes:seconds, days before them.
ganeti_uptime() {
	xm uptime | awk '
		NR == 1 { exit $0 != "Name                                ID Uptime " }' || return 1
	xm uptime | sed 1d | grep -vE '^[^ ]+ +[0-9]+ +([0-9]+ days?, +)?[0-9]+:[0-9][0-9]:[0-9][0-9]$' && return 1
	return 0
}

# The heartbeat agent: one line of `list --long` has "status", and 2 is running, 1 paused.
agent_status() {
	[ "$(xm list --long "$1" | grep -c status)" = 1 ] &&
		xm list --long "$1" | grep -q "(status $2)"
}

# xendomains: what a domain is called and its number, each on a line of its own.
xendomains_names() {
	xm list -l | awk '
		/^\(domain/ { name = id = "" }
		/^ *\(domid / { id = $2; sub(/\)/, "", id) }
		/^ *\(name / { name = $2; sub(/\)/, "", name) }
		/^\)/ { print id, name }' | grep -qx "$1 $2"
}

# bash-completion of old: first words of all lines but the header and Domain-0.
completion_names() {
	xm list 2>/dev/null | awk '!/Name|Domain-0/ { print $1 }' | grep -qx "$1"
}

# munin: the second sample of a batch, split at its header; the 3rd and 4th columns are numbers.
munin_top() {
	xentop -b -i 2 -d 1 | awk -v name="$1" '
		/^ *NAME +STATE/ { sample++; next }
		sample == 2 && $1 == name {
			found = 1
			if ($3 !~ /^[0-9]+$/ || $4 !~ /^[0-9.]+$/ || $10 !~ /^[0-9]+$/) { print; exit 1 }
		}
		END { exit !found }'
}

test_xend_clients() {
	fresh
	create client stay || return 1
	wait_for said client 'DOMU UP' || return 1
	id=$(xm domid client)
	ganeti_list || return 1
	ganeti_info || return 1
	ganeti_uptime || { xm uptime; return 1; }
	agent_status client 2 || { echo "status of a running one"; return 1; }
	xm pause client && agent_status client 1 || { echo "status of a paused one"; return 1; }
	xm unpause client
	xendomains_names "$id" client || { xm list -l; return 1; }
	completion_names client || { xm list; return 1; }
	munin_top client || { xentop -b -i 2; return 1; }
	# facter, sosreport, the stonith plug-in: exit codes and nothing on stderr.
	for words in info dmesg list "list client" vcpu-list log uptime; do
		# shellcheck disable=SC2086
		xm $words >/tmp/out 2>/tmp/err || { echo "xm $words fails"; return 1; }
		[ -s /tmp/out ] && [ ! -s /tmp/err ] || { echo "xm $words: $(cat /tmp/err)"; return 1; }
	done
	xm list nobody >/tmp/out 2>/tmp/err
	[ $? -eq 3 ] && [ ! -s /tmp/out ] || return 1
	xm destroy client || return 1
	all_is_as_before "$(cat /tmp/free.before)" /tmp/nodes.before
}

# All that read speak JSON, each a whole document (json-check is yajl's parser).
test_xend_json() {
	fresh
	create client stay && config halted stay && xm new -q /tmp/halted.cfg || return 1
	sched=sched-$(xm info | sed -n 's/^xen_scheduler *: //p')
	for words in list "list client" vcpu-list "domid client" "domname client" "domstate client" uptime \
			"$sched" "$sched -d client" \
			"block-list client" "network-list client" info "info -n" "info -c" dmesg log jobs doctor "top -i 2 -d 1" "events --count=2"; do
		# shellcheck disable=SC2086
		xm $words --json >/tmp/out || { echo "xm $words --json: $?"; return 1; }
		json-check </tmp/out || { echo "xm $words --json is none"; cat /tmp/out; return 1; }
	done
	xm list --json | grep -q '"power_state": "halted"' || return 1
	xm delete halted && xm destroy client || return 1
	all_is_as_before "$(cat /tmp/free.before)" /tmp/nodes.before
}
