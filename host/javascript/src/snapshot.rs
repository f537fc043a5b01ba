//! How the snapshot reads an instance: it calls functions that were added for this.

use wasmtime::Store;
use wasmtime::component::{Instance as ComponentInstance, Lift, WasmList};
use wasmtime_wizer::ComponentInstanceState;

use crate::initialise::Loading;

/// An instance whose modules are loaded.
pub(crate) struct Instance<'a> {
    /// What it lives in.
    pub(crate) store: &'a mut Store<Loading>,
    /// The instance.
    pub(crate) instance: ComponentInstance,
}

impl Instance<'_> {
    async fn call<R: Lift + 'static, T>(
        &mut self,
        instance: &str,
        function: &str,
        read: impl FnOnce(&Store<Loading>, R) -> T,
    ) -> T {
        const ADDED: &str = "the snapshot added it";
        let store = &mut *self.store;
        let (_, index) = self.instance.get_export(&mut *store, None, instance).expect(ADDED);
        let (_, index) = self.instance.get_export(&mut *store, Some(&index), function).expect(ADDED);
        let function = self.instance.get_typed_func::<(), (R,)>(&mut *store, index).expect(ADDED);
        let (value,) = function.call_async(&mut *store, ()).await.expect("it only reads");
        read(store, value)
    }
}

impl ComponentInstanceState for Instance<'_> {
    async fn call_func_ret_list_u8(&mut self, instance: &str, function: &str, contents: impl FnOnce(&[u8]) + Send) {
        self.call(instance, function, |store, list: WasmList<u8>| contents(list.as_le_slice(store))).await;
    }

    async fn call_func_ret_s32(&mut self, instance: &str, function: &str) -> i32 {
        self.call(instance, function, |_, value| value).await
    }

    async fn call_func_ret_s64(&mut self, instance: &str, function: &str) -> i64 {
        self.call(instance, function, |_, value| value).await
    }

    async fn call_func_ret_f32(&mut self, instance: &str, function: &str) -> u32 {
        self.call(instance, function, |_, value: f32| value.to_bits()).await
    }

    async fn call_func_ret_f64(&mut self, instance: &str, function: &str) -> u64 {
        self.call(instance, function, |_, value: f64| value.to_bits()).await
    }
}
