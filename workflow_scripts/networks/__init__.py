"""Networks: architectures, Keras files, training and annotation. The only package that imports TensorFlow."""
