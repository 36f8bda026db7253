//! Metrics as the Prometheus client library takes them.

use prometheus::proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType};

use crate::status::Durations;

/// Before every name.
pub(super) const PREFIX: &str = "opendental_cdc_";

/// Metrics in the order in which they were added. One without a value is left out.
#[derive(Default)]
pub(super) struct Families(Vec<MetricFamily>);

/// A value's labels.
pub(super) type Labels<'a> = &'a [(&'a str, &'a str)];

impl Families {
    /// What only grows, and is 0 when the process begins.
    pub(super) fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.add(name, help, MetricType::COUNTER, vec![counter(&[], value as f64)]);
    }

    /// What only grows, as one value or several.
    pub(super) fn counters(&mut self, name: &str, help: &str, values: Vec<Metric>) {
        self.add(name, help, MetricType::COUNTER, values);
    }

    /// What is so now; `None`: not known.
    pub(super) fn gauge(&mut self, name: &str, help: &str, value: impl Into<Option<f64>>) {
        let values = value.into().map(|value| gauge(&[], value));
        self.gauges(name, help, values.into_iter().collect());
    }

    /// What is so now, as several values.
    pub(super) fn gauges(&mut self, name: &str, help: &str, values: Vec<Metric>) {
        self.add(name, help, MetricType::GAUGE, values);
    }

    /// Durations by their length.
    pub(super) fn histogram(&mut self, name: &str, help: &str, durations: &Durations) {
        let mut cumulative = 0;
        let bucket = |(bound, within): (&f64, &u64)| {
            cumulative += within;
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(*bound);
            bucket.set_cumulative_count(cumulative);
            bucket
        };
        let mut histogram = Histogram::default();
        histogram.set_bucket(Durations::BOUNDS.iter().zip(&durations.within).map(bucket).collect());
        histogram.set_sample_count(durations.count);
        histogram.set_sample_sum(durations.sum);
        let mut metric = Metric::default();
        metric.set_histogram(histogram);
        self.add(name, help, MetricType::HISTOGRAM, vec![metric]);
    }

    pub(super) fn into_inner(self) -> Vec<MetricFamily> {
        self.0
    }

    fn add(&mut self, name: &str, help: &str, kind: MetricType, values: Vec<Metric>) {
        if values.is_empty() {
            return;
        }
        let mut family = MetricFamily::default();
        family.set_name(format!("{PREFIX}{name}"));
        family.set_help(help.to_owned());
        family.set_field_type(kind);
        family.set_metric(values);
        self.0.push(family);
    }
}

/// One value of several that only grow.
pub(super) fn counter(labels: Labels<'_>, value: f64) -> Metric {
    let mut counter = Counter::default();
    counter.set_value(value);
    let mut metric = labelled(labels);
    metric.set_counter(counter);
    metric
}

/// One value of several.
pub(super) fn gauge(labels: Labels<'_>, value: f64) -> Metric {
    let mut gauge = Gauge::default();
    gauge.set_value(value);
    let mut metric = labelled(labels);
    metric.set_gauge(gauge);
    metric
}

fn labelled(labels: Labels<'_>) -> Metric {
    let pair = |(name, value): &(&str, &str)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value((*value).to_owned());
        pair
    };
    Metric::from_label(labels.iter().map(pair).collect())
}
