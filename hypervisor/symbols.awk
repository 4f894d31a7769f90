# nm -n of the first link → assembly with the table that symbols.c reads: functions by address.
# Offsets are from _image_start; text comes first in the image, so the second link doesn't move it.
BEGIN {
	print "\t.section .rodata"
	n = 0
}
$3 == "_image_start" {
	start = $1
}
$2 ~ /^[tT]$/ && $3 !~ /^\./ {
	name[n] = $3
	address[n] = $1
	n++
}
END {
	print "\t.globl symbol_count, symbol_offsets, symbol_names, symbol_text"
	print "\t.align 4"
	print "symbol_count:\t.long " n
	print "symbol_offsets:"
	for (i = 0; i < n; i++)
		print "\t.long 0x" address[i] " - 0x" start
	print "symbol_names:"
	at = 0
	for (i = 0; i < n; i++) {
		print "\t.long " at
		at += length(name[i]) + 1
	}
	print "symbol_text:"
	for (i = 0; i < n; i++)
		print "\t.asciz \"" name[i] "\""
}
