//! A value that must not be printed.
//!
//! Passwords live in a [`Secret`] from the moment they are read. `Debug` shows stars, there is no `Display`, and the
//! one way to the value is [`Secret::expose`], so that every use of a password can be found by its name.

use std::fmt;

/// Holds a `T` that neither `Debug` nor a log shows.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Hides `value`.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself, for the place that has to send it.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_stars_however_deep_the_secret_lies() {
        assert_eq!(format!("{:?}", Some(Secret::new("canary"))), "Some(***)");
    }
}
