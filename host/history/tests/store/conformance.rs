//! The store in one file passes the suite of all stores: in a file, and over memory that outlives the store.

/// In a file.
mod file {
    use std::sync::Arc;

    use abide_history::RedbStore;
    use abide_history::conformance::{Opened, Place};

    struct Folder(tempfile::TempDir);

    impl Place for Folder {
        fn open(&self) -> Opened<'_> {
            let opened = RedbStore::open(self.0.path());
            Box::pin(async move { Ok(Arc::new(opened?) as Arc<_>) })
        }
    }

    abide_history::conformance!(Folder(tempfile::tempdir().unwrap()));
}

/// In memory.
mod in_memory {
    use std::sync::Arc;

    use abide_history::conformance::{Opened, Place};
    use abide_history::{RedbOptions, RedbStore};

    use crate::disk::Disk;

    struct Memory(Disk);

    impl Place for Memory {
        fn open(&self) -> Opened<'_> {
            let opened = RedbStore::open_with_backends(self.0.file(0), self.0.file(1), &RedbOptions::default());
            Box::pin(async move { Ok(Arc::new(opened?) as Arc<_>) })
        }
    }

    abide_history::conformance!(Memory(Disk::new(1)));
}
