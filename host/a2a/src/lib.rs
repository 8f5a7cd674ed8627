//! The A2A face: backends published as agents over HTTP.
