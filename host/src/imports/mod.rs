//! One file for each import of the component.
