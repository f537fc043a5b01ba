//! The store in one file passes the suite of all stores: in a file, with sealed rows, and over memory that outlives the store.

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

/// In a file, with the rows sealed.
mod sealed {
    use std::sync::Arc;

    use abide_history::conformance::{Opened, Place};
    use abide_history::{Keyring, MasterKey, MasterKeys, RedbOptions, RedbStore};

    struct Folder(tempfile::TempDir, MasterKeys);

    impl Folder {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap(), MasterKeys::new(MasterKey::generate().unwrap()))
        }
    }

    impl Place for Folder {
        fn open(&self) -> Opened<'_> {
            let keyring = Keyring::open(self.0.path(), Some(self.1.clone()), true);
            let open = |keyring| {
                RedbStore::open_with(self.0.path(), &RedbOptions { keyring: Some(keyring), ..RedbOptions::default() })
            };
            let opened = keyring.and_then(open);
            Box::pin(async move { Ok(Arc::new(opened?) as Arc<_>) })
        }
    }

    abide_history::conformance!(Folder::new());
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
