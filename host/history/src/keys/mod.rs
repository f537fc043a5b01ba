//! Keys: the master key that an operator gives, the key of each tenant that it wraps, and what is sealed with those.
//!
//! The key of a tenant is a file of its own beside the database, not a row in it: pages of a database and its log keep old bytes, and so do
//! backups of them. Who destroys that one file has destroyed what was sealed with it, wherever copies of the rows are.

mod cipher;
mod folder;
mod keyring;
mod master;
mod tenant_key;

pub(crate) use keyring::Keys;
pub use keyring::{KeyOf, Keyring};
pub use master::{MasterKey, MasterKeys};
#[cfg(test)]
pub(crate) use tenant_key::TenantKey;
