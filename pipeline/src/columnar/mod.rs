//! Records and analyses as Arrow batches, and back: the one form behind Parquet files,
//! exports and the store. Owns the column names and types; knows nothing of partitions.
