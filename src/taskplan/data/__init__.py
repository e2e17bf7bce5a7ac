"""Moving records: readers and writers, queues, datasets, files, and the pipelines between them."""
