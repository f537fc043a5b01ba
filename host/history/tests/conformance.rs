//! The store in one file passes the suite of all stores: in a file, and over memory that outlives the store.

mod memory;

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

    use crate::memory::Memory;

    #[derive(Default)]
    struct Memories(Memory, Memory);

    impl Place for Memories {
        fn open(&self) -> Opened<'_> {
            let opened = RedbStore::open_with_backends(self.0.clone(), self.1.clone(), &RedbOptions::default());
            Box::pin(async move { Ok(Arc::new(opened?) as Arc<_>) })
        }
    }

    abide_history::conformance!(Memories::default());
}
