"""How far each change has got, and who waits for it. Pure: no I/O, no clock, no logging."""
