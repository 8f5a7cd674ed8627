//! The macros by which a crate becomes a plugin.

/// Exports an [`Adapter`](crate::backend::Adapter) as a component of world `backend-plugin`.
///
/// Natively it does nothing, so that a plugin's crate can be tested as any other.
#[macro_export]
macro_rules! export_backend {
    ($adapter:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type Plugin = $crate::backend::Component<$adapter>;
    $crate::bindings::backend::export_backend!(Plugin with_types_in $crate::bindings::backend);
        };
    };
}

/// Exports a [`Guest`](crate::sanitizer::Guest) as a component of world `sanitizer-plugin`.
///
/// Natively it does nothing, so that a plugin's crate can be tested as any other.
#[macro_export]
macro_rules! export_sanitizer {
    ($sanitizer:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type Plugin = $sanitizer;
            $crate::bindings::sanitizer::export_sanitizer!(
                Plugin with_types_in $crate::bindings::sanitizer
            );
        };
    };
}

/// Exports a [`Guest`](crate::policy::Guest) as a component of world `policy-module`.
///
/// Natively it does nothing, so that a plugin's crate can be tested as any other.
#[macro_export]
macro_rules! export_policy {
    ($policy:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type Plugin = $policy;
    $crate::bindings::policy::export_policy!(Plugin with_types_in $crate::bindings::policy);
        };
    };
}
