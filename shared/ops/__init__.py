"""Running the thing: settings from the environment, clock, logs, metrics, private child processes."""
