"""What acts: the controller, its supervisor and its command line.  Only `ivr.edge` touches the outside world."""
