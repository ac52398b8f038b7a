"""The shared kernel: the few words every context speaks (money, quantity, ids, time, the unit of work)."""
