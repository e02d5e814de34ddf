"""What tables, pipelines and owners cost, from what each warehouse says it did for them."""
