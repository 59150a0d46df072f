"""The product on one machine: storage from the emulator, and a host that runs the functions."""
