# What scripts of network interfaces share.  Sourced by vif-bridge, vif-route, vif-nat and third parties'.
# xend runs them with `online` or `offline`, then KEY=VALUE words of the configuration; vif and XENBUS_PATH
# are in the environment.  Sets: command, vif (by its final name), ip, mac.
# shellcheck shell=sh disable=SC2154

dir=${dir:-$(dirname "$0")}
# shellcheck source=xend/scripts/xen-hotplug-common.sh
. "$dir/xen-hotplug-common.sh"

command=$1
[ $# = 0 ] || shift
case $command in
online|offline) ;;
add|remove) exit 0 ;;		# udev's own events: nothing to do
*)	complain "Invalid command: $command"
	exit 1 ;;
esac

# From the configuration first, then from the words, so that a word of vif-script is a default.
evalVariables "$@"
[ -n "$vif" ] || fatal "The environment names no interface (vif)."
ip=$(xenstore_read_default "$XENBUS_PATH/ip" "$ip")
mac=$(xenstore_read_default "$XENBUS_PATH/mac" "$mac")

exists() {
	[ -e "$xen_sys/class/net/$1" ]
}

# vifname: its other name, given once it is there and kept from then on.
vifname=$(xenstore_read_default "$XENBUS_PATH/vifname" '')
if [ -n "$vifname" ]; then
	if [ "$command" = online ] && exists "$vif"; then
		! exists "$vifname" || fatal "There is an interface $vifname already."
		do_or_die ip link set dev "$vif" down
		do_or_die ip link set dev "$vif" name "$vifname"
	fi
	vif=$vifname
fi
[ "$command" = offline ] || exists "$vif" || fatal "There is no interface $vif."

# firewall_works: rules are for hosts that have a firewall.
firewall_works() {
	command -v iptables >/dev/null 2>&1 && iptables -w -n -L FORWARD >/dev/null 2>&1
}

# firewall_rule RULE…: there once (online) or not at all (offline).
firewall_rule() {
	if [ "$command" = online ]; then
		iptables -w -C FORWARD "$@" 2>/dev/null || do_without_error iptables -w -I FORWARD "$@"
	else
		while iptables -w -D FORWARD "$@" 2>/dev/null; do :; done
	fi
}

# What comes out of the guest may pass: all, or what has its addresses, and its questions for one (DHCP).
# MATCH is how the interface is told: -i VIF when routed, physdev when bridged.
handle_firewall() {		# MATCH…
	firewall_works || return 0
	claim_lock iptables
	if [ -z "$ip" ]; then
		firewall_rule "$@" -j ACCEPT
	else
		for address in $ip; do
			firewall_rule "$@" -s "$address" -j ACCEPT
		done
		firewall_rule "$@" -p udp --sport 68 --dport 67 -j ACCEPT
	fi
	release_lock iptables
}

# Several addresses are parted by blanks; commas do too.
ip=$(echo "$ip" | tr ',' ' ')

# proxy_arp_on INTERFACE
proxy_arp_on() {
	echo 1 >"$xen_proc/sys/net/ipv4/conf/$1/proxy_arp" 2>/dev/null || :
}

# The address by which guests know domain 0: that of netdev.
netdev_address() {
	ip -4 -o addr show dev "$1" 2>/dev/null | sed -n 's/.* inet \([0-9.]*\).*/\1/p' | head -n 1
}

default_netdev() {
	found=$(ip -4 route show default 2>/dev/null | sed -n 's/.* dev \([^ ]*\).*/\1/p' | head -n 1)
	echo "${found:-eth0}"
}
