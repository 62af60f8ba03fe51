"""What users hold: `Engine`, `workflow`, `RunResult`."""
