# Lines of xenstore-bench -c (daemon,work,rate,…,max,server-us,notes) as one table: each daemon's rate,
# ours against the better peer, and our time in the server against the empty one's.
NF >= 7 && $1 != "daemon" {
	if (!($2 in seen))
		order[++works] = $2
	seen[$2] = 1
	rate[$1, $2] = $3
	max[$1, $2] = $6
	server[$1, $2] = $7
}
function cell(table, daemon, work) {
	return (daemon, work) in table ? sprintf("%.0f", table[daemon, work]) : "-"
}
function number(table, daemon, work) {
	return (daemon, work) in table ? table[daemon, work] : 0
}
function ratio(a, b) {
	return a > 0 && b > 0 ? sprintf("%.2f", a / b) : "-"
}
END {
	printf "\n%-28s %9s %9s %10s %9s %9s %10s %8s %9s\n", "rate per second", "ours", "xenstored",
		"oxenstored", "empty", "x better", "server us", "empty's", "x empty's"
	for (i = 1; i <= works; i++) {
		w = order[i]
		c = number(rate, "xenstored", w)
		ocaml = number(rate, "oxenstored", w)
		printf "%-28s %9s %9s %10s %9s %9s %10.2f %8s %9s\n", w, cell(rate, "ours", w),
			cell(rate, "xenstored", w), cell(rate, "oxenstored", w), cell(rate, "null", w),
			ratio(number(rate, "ours", w), c > ocaml ? c : ocaml), number(server, "ours", w),
			sprintf("%.2f", number(server, "null", w)), ratio(number(server, "ours", w), number(server, "null", w))
	}
	if (("ours", "update") in max)
		printf "\nlive update of 55000 nodes stalls, ms: ours %.1f, xenstored %s, oxenstored %s\n",
			max["ours", "update"] / 1000, cell_ms("xenstored"), cell_ms("oxenstored")
}
function cell_ms(daemon) {
	return (daemon, "update") in max ? sprintf("%.1f", max[daemon, "update"] / 1000) : "-"
}
