use super::Filter;

impl Filter {
    /// All of these, in its shortest form.
    #[must_use]
    pub fn every(filters: Vec<Self>) -> Self {
        let mut all = Vec::with_capacity(filters.len());
        for filter in filters {
            match filter {
                Self::Every(inner) => all.extend(inner),
                other => all.push(other),
            }
        }
        one_or(all, Self::Every)
    }

    /// One of these, in its shortest form.
    #[must_use]
    pub fn any(filters: Vec<Self>) -> Self {
        let mut all = Vec::with_capacity(filters.len());
        for filter in filters {
            match filter {
                Self::Any(inner) => all.extend(inner),
                other => all.push(other),
            }
        }
        one_or(all, Self::Any)
    }

    /// All but this, in its shortest form.
    #[must_use]
    pub fn but(filter: Self) -> Self {
        match filter {
            Self::Not(inner) => *inner,
            Self::Every(inner) if inner.is_empty() => Self::Any(inner),
            Self::Any(inner) if inner.is_empty() => Self::Every(inner),
            other => Self::Not(Box::new(other)),
        }
    }
}

fn one_or(mut filters: Vec<Filter>, several: fn(Vec<Filter>) -> Filter) -> Filter {
    match (filters.pop(), filters.is_empty()) {
        (Some(only), true) => only,
        (last, _) => {
            filters.extend(last);
            several(filters)
        }
    }
}
