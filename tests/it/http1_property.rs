//! Generated conversations.
