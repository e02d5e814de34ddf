"""What is deployed: its processes, its containers, its manifests and its workflows."""
