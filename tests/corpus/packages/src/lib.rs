//! Empty: this package only names others.
