/// It cannot be known which code runs: the arguments are not known that far, or nobody knows how the interpreter reads them.
#[derive(Debug)]
pub(super) struct Unknowable;

/// The arguments of a process, one after the other.
#[derive(Debug, Clone)]
pub(super) struct Arguments<'a> {
    rest: &'a [u8],
    /// Whether there were more than the kernel noted.
    is_cut: bool,
    /// Whether one that begins with “@” stands for what a file holds.
    may_be_in_files: bool,
}

impl<'a> Arguments<'a> {
    /// Of the text that the kernel noted: each argument with a NUL behind it.
    pub(super) fn new(text: &'a [u8], is_cut: bool) -> Self {
        Self { rest: text, is_cut, may_be_in_files: false }
    }

    /// From here on, “@” begins the name of a file that holds arguments (java).
    pub(super) fn may_be_in_files(&mut self) {
        self.may_be_in_files = true;
    }

    /// The next one; `None` when there are no more. What was cut off is not known, and neither is what lost its end.
    pub(super) fn next(&mut self) -> Result<Option<&'a [u8]>, Unknowable> {
        let argument = match self.rest.iter().position(|byte| *byte == 0) {
            Some(end) => {
                let (argument, rest) = self.rest.split_at(end);
                self.rest = &rest[1..];
                argument
            }
            None if self.is_cut => return Err(Unknowable),
            None if self.rest.is_empty() => return Ok(None),
            None => std::mem::take(&mut self.rest),
        };
        if self.may_be_in_files && argument.starts_with(b"@") {
            return Err(Unknowable);
        }
        Ok(Some(argument))
    }

    /// The next one, which has to be there.
    pub(super) fn value(&mut self) -> Result<&'a [u8], Unknowable> {
        self.next()?.ok_or(Unknowable)
    }
}
