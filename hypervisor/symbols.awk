# From `nm` of the linked image: the table of functions that symbols.c reads, as assembly.
# Input lines: address type name, sorted by address; addresses are 16 hex digits.

function hex(digits,    i, v)	# POSIX awk has no 0x; the low 10 digits are enough and exact in a double
{
	v = 0
	for (i = length(digits) - 9; i <= length(digits); i++)
		v = v * 16 + index("0123456789abcdef", substr(digits, i, 1)) - 1
	return v
}

$3 == "_image_start" { start = hex($1); has_start = 1; next }
has_start && $2 ~ /^[tT]$/ && $3 !~ /^\./ {
	if (hex($1) == last && count)
		next
	last = hex($1)
	address[count] = last
	name[count++] = $3
}

END {
	print "\t.section .rodata.symbols, \"a\""
	print "\t.globl symbol_count, symbol_offsets, symbol_names, symbol_text"
	print "\t.align 4"
	print "symbol_count:\n\t.long " count + 0
	print "symbol_offsets:"
	for (i = 0; i < count; i++)
		printf "\t.long %.0f\n", address[i] - start
	print "symbol_names:"
	at = 0
	for (i = 0; i < count; i++) {
		printf "\t.long %d\n", at
		at += length(name[i]) + 1
	}
	print "symbol_text:"
	for (i = 0; i < count; i++)
		print "\t.asciz \"" name[i] "\""
	print "\t.section .note.GNU-stack, \"\", @progbits"
}
