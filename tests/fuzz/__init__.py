"""Every decoder that meets bytes of strangers, fed with what nobody sends on purpose."""
