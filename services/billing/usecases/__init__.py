"""One file a use case, one public function a file."""
