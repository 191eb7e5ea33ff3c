//! What is left of secrets in a process's memory after its client is gone.
