"""What `benchmarks/fuzz.py` is made of: mutations, valid files to start from, the product's readers, workers."""
