"""What the controller answers to the command line: values in, values out.  `ivr.edge.http` carries them."""
