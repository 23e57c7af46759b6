"""What people have to know of a cluster when something went wrong there."""
