//! Every word that is used exists, and every word that exists is used.
