"""One thin typed module per contract: values in, values out. Nothing else builds ScVals."""
