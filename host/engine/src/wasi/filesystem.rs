//! `wasi:filesystem`: one folder, `/`, which is empty and read-only. What a program looks for is not there, and what it wants to write is
//! refused, with a log line that says what to use instead.

use wasmtime::component::Resource;

use super::bindings::wasi::filesystem::{preopens, types};
use super::clocks::datetime;
use super::streams::{InputStream, IoError, OutputStream};
use crate::state::{GuestState, LogLevel};
use types::{Advice, DescriptorFlags, DescriptorStat, DescriptorType, ErrorCode, NewTimestamp, OpenFlags, PathFlags};

/// The folder `/`.
#[derive(Debug)]
pub struct Root;

/// What it holds.
#[derive(Debug)]
pub struct NoEntries;

type FileResult<T> = wasmtime::Result<Result<T, ErrorCode>>;

/// Whether a path names the folder itself.
fn is_root(path: &str) -> bool {
    path.split('/').all(|part| part.is_empty() || part == ".")
}

impl GuestState {
    fn read_only<T>(&mut self, what: &str) -> FileResult<T> {
        let message = format!(
            "the program wants to {what}: a workflow has no files; keep the data in variables, which last as long as the run, publish it \
             with `state.publish`, or give it to a tool"
        );
        self.write_log(LogLevel::Warn, message, None);
        Ok(Err(ErrorCode::ReadOnly))
    }

    fn stat_of_root(&self) -> DescriptorStat {
        let time = Some(datetime(self.info.started_ms));
        DescriptorStat {
            type_: DescriptorType::Directory,
            link_count: 1,
            size: 0,
            data_access_timestamp: time,
            data_modification_timestamp: time,
            status_change_timestamp: time,
        }
    }
}

impl preopens::Host for GuestState {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Root>, String)>> {
        Ok(vec![(self.hold(Root)?, "/".to_owned())])
    }
}

impl types::Host for GuestState {
    fn filesystem_error_code(&mut self, _error: Resource<IoError>) -> wasmtime::Result<Option<ErrorCode>> {
        Ok(None)
    }
}

impl types::HostDescriptor for GuestState {
    fn read_via_stream(&mut self, _root: Resource<Root>, _offset: u64) -> FileResult<Resource<InputStream>> {
        Ok(Err(ErrorCode::IsDirectory))
    }

    fn write_via_stream(&mut self, _root: Resource<Root>, _offset: u64) -> FileResult<Resource<OutputStream>> {
        Ok(Err(ErrorCode::IsDirectory))
    }

    fn append_via_stream(&mut self, _root: Resource<Root>) -> FileResult<Resource<OutputStream>> {
        Ok(Err(ErrorCode::IsDirectory))
    }

    fn advise(&mut self, _root: Resource<Root>, _offset: u64, _length: u64, _advice: Advice) -> FileResult<()> {
        Ok(Err(ErrorCode::IsDirectory))
    }

    fn sync_data(&mut self, _root: Resource<Root>) -> FileResult<()> {
        Ok(Ok(()))
    }

    fn get_flags(&mut self, _root: Resource<Root>) -> FileResult<DescriptorFlags> {
        Ok(Ok(DescriptorFlags::READ))
    }

    fn get_type(&mut self, _root: Resource<Root>) -> FileResult<DescriptorType> {
        Ok(Ok(DescriptorType::Directory))
    }

    fn set_size(&mut self, _root: Resource<Root>, _size: u64) -> FileResult<()> {
        Ok(Err(ErrorCode::IsDirectory))
    }

    fn set_times(&mut self, _root: Resource<Root>, _access: NewTimestamp, _change: NewTimestamp) -> FileResult<()> {
        self.read_only("change the times of a file")
    }

    fn read(&mut self, _root: Resource<Root>, _length: u64, _offset: u64) -> FileResult<(Vec<u8>, bool)> {
        Ok(Err(ErrorCode::IsDirectory))
    }

    fn write(&mut self, _root: Resource<Root>, _buffer: Vec<u8>, _offset: u64) -> FileResult<u64> {
        Ok(Err(ErrorCode::IsDirectory))
    }

    fn read_directory(&mut self, _root: Resource<Root>) -> FileResult<Resource<NoEntries>> {
        Ok(Ok(self.hold(NoEntries)?))
    }

    fn sync(&mut self, _root: Resource<Root>) -> FileResult<()> {
        Ok(Ok(()))
    }

    fn create_directory_at(&mut self, _root: Resource<Root>, path: String) -> FileResult<()> {
        self.read_only(&format!("make the folder `{path}`"))
    }

    fn stat(&mut self, _root: Resource<Root>) -> FileResult<DescriptorStat> {
        Ok(Ok(self.stat_of_root()))
    }

    fn stat_at(&mut self, _root: Resource<Root>, _flags: PathFlags, path: String) -> FileResult<DescriptorStat> {
        Ok(if is_root(&path) { Ok(self.stat_of_root()) } else { Err(ErrorCode::NoEntry) })
    }

    fn set_times_at(
        &mut self,
        _root: Resource<Root>,
        _flags: PathFlags,
        path: String,
        _access: NewTimestamp,
        _change: NewTimestamp,
    ) -> FileResult<()> {
        self.read_only(&format!("change the times of `{path}`"))
    }

    fn link_at(
        &mut self,
        _root: Resource<Root>,
        _flags: PathFlags,
        _old_path: String,
        _to: Resource<Root>,
        new_path: String,
    ) -> FileResult<()> {
        self.read_only(&format!("make the link `{new_path}`"))
    }

    fn open_at(
        &mut self,
        _root: Resource<Root>,
        _path_flags: PathFlags,
        path: String,
        open_flags: OpenFlags,
        flags: DescriptorFlags,
    ) -> FileResult<Resource<Root>> {
        let writes = open_flags.intersects(OpenFlags::CREATE | OpenFlags::TRUNCATE)
            || flags.intersects(DescriptorFlags::WRITE | DescriptorFlags::MUTATE_DIRECTORY);
        if writes {
            return self.read_only(&format!("write `{path}`"));
        }
        if is_root(&path) {
            return Ok(Ok(self.hold(Root)?));
        }
        Ok(Err(ErrorCode::NoEntry))
    }

    fn readlink_at(&mut self, _root: Resource<Root>, _path: String) -> FileResult<String> {
        Ok(Err(ErrorCode::NoEntry))
    }

    fn remove_directory_at(&mut self, _root: Resource<Root>, path: String) -> FileResult<()> {
        self.read_only(&format!("remove `{path}`"))
    }

    fn rename_at(
        &mut self,
        _root: Resource<Root>,
        old_path: String,
        _to: Resource<Root>,
        _new_path: String,
    ) -> FileResult<()> {
        self.read_only(&format!("rename `{old_path}`"))
    }

    fn symlink_at(&mut self, _root: Resource<Root>, _old_path: String, new_path: String) -> FileResult<()> {
        self.read_only(&format!("make the link `{new_path}`"))
    }

    fn unlink_file_at(&mut self, _root: Resource<Root>, path: String) -> FileResult<()> {
        self.read_only(&format!("remove `{path}`"))
    }

    fn is_same_object(&mut self, _root: Resource<Root>, _other: Resource<Root>) -> wasmtime::Result<bool> {
        Ok(true)
    }

    fn metadata_hash(&mut self, _root: Resource<Root>) -> FileResult<types::MetadataHashValue> {
        Ok(Ok(types::MetadataHashValue { lower: 1, upper: 0 }))
    }

    fn metadata_hash_at(
        &mut self,
        root: Resource<Root>,
        _flags: PathFlags,
        path: String,
    ) -> FileResult<types::MetadataHashValue> {
        if is_root(&path) { self.metadata_hash(root) } else { Ok(Err(ErrorCode::NoEntry)) }
    }

    fn drop(&mut self, root: Resource<Root>) -> wasmtime::Result<()> {
        self.wasi.table.delete(root)?;
        Ok(())
    }
}

impl types::HostDirectoryEntryStream for GuestState {
    fn read_directory_entry(&mut self, _entries: Resource<NoEntries>) -> FileResult<Option<types::DirectoryEntry>> {
        Ok(Ok(None))
    }

    fn drop(&mut self, entries: Resource<NoEntries>) -> wasmtime::Result<()> {
        self.wasi.table.delete(entries)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_has_several_names() {
        for path in [".", "", "/", "./", "././."] {
            assert!(is_root(path), "{path}");
        }
        for path in ["a", "./a", "..", "../.", "a/."] {
            assert!(!is_root(path), "{path}");
        }
    }
}
