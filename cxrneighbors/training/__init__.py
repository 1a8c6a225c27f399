"""What the trainings of image encoders, report encoders and classifiers share: images, batches, the loop."""
