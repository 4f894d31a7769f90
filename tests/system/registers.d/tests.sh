# What domain 0 runs for tests/system/registers.
# shellcheck shell=sh

# Three processes here and three in a guest, on two CPUs: each CPU goes from domain to domain.
test_registers() {
	built_start other /guest/vmlinux.elf /guest/registers 128 2 stay || return 1
	built_wait other 'REGISTERS begin' || return 1
	registers 30 3 || { echo "those of domain 0 are not its own"; return 1; }
	built_wait other 'REGISTERS kept\|REGISTERS mixed up' | grep -q kept ||
		{ cat "$(built_log other)" | tail -n 5; return 1; }
	built_end other
}
