"""What one can do with time: a file for each use case, one public function in each."""
