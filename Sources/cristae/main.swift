print("cristae")
