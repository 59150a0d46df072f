"""The runbook, tried: each symptom is made on the emulator, and the page's own steps lead out of it."""
