"""What can be done with consents, one function a file."""
