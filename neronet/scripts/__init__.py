"""Examples of what users write themselves: output processors and plots."""
