//! What fine-tuning minimises: all labels together, each only where it is known.

use tch::{Kind, Reduction, Tensor};

use super::finetune::TrainOptions;
use super::labels::{Labels, Target};

/// The loss over all labels, with what it weighs them by.
pub(super) struct Loss {
    multiple: i64,
    /// Weight of a positive, for each column of codes and acts.
    positive: Tensor,
    /// Weight of each such column.
    column: Tensor,
    sentiment: Option<Softmax>,
    emotion: Option<Softmax>,
    /// Constants of a head that knows nothing but how common the labels are.
    pub(super) biases: Vec<f32>,
}

/// One softmax group.
struct Softmax {
    from: i64,
    classes: Tensor,
    weight: f64,
}

impl Loss {
    pub(super) fn new(targets: &[&Target], labels: &Labels, options: &TrainOptions) -> Self {
        let (mut positives, mut known) = (vec![0.0f64; labels.multiple()], vec![0.0f64; labels.multiple()]);
        for target in targets {
            positives
                .iter_mut()
                .zip(&target.values)
                .zip(&target.known)
                .for_each(|((sum, &x), &k)| *sum += f64::from(x * k));
            known.iter_mut().zip(&target.known).for_each(|(sum, &k)| *sum += f64::from(k));
        }
        let positive: Vec<f32> = positives
            .iter()
            .zip(&known)
            .map(|(&p, &k)| ((k - p) / p.max(1.0)).sqrt().clamp(1.0, options.rare_weight) as f32)
            .collect();
        let column: Vec<f32> = (0..labels.multiple())
            .map(|i| {
                if i < labels.codes.len() {
                    1.0
                } else {
                    options.side_weight as f32
                }
            })
            .collect();
        let softmax = |from: usize, names: &[String], weight: f64, class: &dyn Fn(&Target) -> Option<usize>| {
            let mut counts = vec![0.0f64; names.len()];
            targets
                .iter()
                .filter_map(|target| class(target))
                .for_each(|i| counts.iter_mut().skip(i).take(1).for_each(|n| *n += 1.0));
            let mean = counts.iter().sum::<f64>() / names.len().max(1) as f64;
            let classes: Vec<f32> =
                counts.iter().map(|&n| (mean / n.max(1.0)).sqrt().clamp(0.5, options.rare_weight) as f32).collect();
            (names.len() > 1).then(|| Softmax { from: from as i64, classes: Tensor::of_slice(&classes), weight })
        };
        let from = labels.multiple();
        let mut biases: Vec<f32> = positives
            .iter()
            .zip(&known)
            .zip(&positive)
            .map(|((&p, &k), &weight)| ((f64::from(weight) * (p + 0.5)) / (k - p + 0.5)).ln() as f32)
            .collect();
        biases.resize(labels.width(), 0.0);
        Self {
            biases,
            multiple: from as i64,
            positive: Tensor::of_slice(&positive),
            column: Tensor::of_slice(&column),
            sentiment: softmax(from, &labels.sentiments, 1.0, &|target| target.sentiment),
            emotion: softmax(from + labels.sentiments.len(), &labels.emotions, options.side_weight, &|target| {
                target.emotion
            }),
        }
    }

    /// Loss of a batch: a row of logits and what is known of it, for each turn.
    pub(super) fn of<'t>(&self, logits: &Tensor, targets: impl Iterator<Item = &'t Option<Target>>) -> Tensor {
        let (mut values, mut known, mut rows) = (Vec::new(), Vec::new(), Vec::new());
        let (mut sentiments, mut emotions) = (Vec::new(), Vec::new());
        for (row, target) in targets.enumerate() {
            let Some(target) = target else { continue };
            values.extend_from_slice(&target.values);
            known.extend_from_slice(&target.known);
            rows.push(row as i64);
            sentiments.push(target.sentiment);
            emotions.push(target.emotion);
        }
        let logits = logits.index_select(0, &Tensor::of_slice(&rows));
        let shape = [rows.len() as i64, self.multiple];
        let (values, known) = (Tensor::of_slice(&values).view(shape), Tensor::of_slice(&known).view(shape));
        let weights = &known * &self.column;
        let each = logits.narrow(1, 0, self.multiple).binary_cross_entropy_with_logits(
            &values,
            Some(&weights),
            Some(&self.positive),
            Reduction::Sum,
        );
        let mut loss = each / (rows.len().max(1) as f64);
        for (softmax, classes) in [(&self.sentiment, sentiments), (&self.emotion, emotions)] {
            let Some(softmax) = softmax else { continue };
            loss += softmax.of(&logits, &classes);
        }
        loss
    }
}

impl Softmax {
    fn of(&self, logits: &Tensor, classes: &[Option<usize>]) -> Tensor {
        let (rows, classes): (Vec<i64>, Vec<i64>) =
            classes.iter().zip(0i64..).filter_map(|(class, row)| Some((row, (*class)? as i64))).unzip();
        if rows.is_empty() {
            return Tensor::zeros([0i64; 0].as_slice(), (Kind::Float, logits.device()));
        }
        let own = logits
            .narrow(1, self.from, self.classes.size1().unwrap_or(0))
            .index_select(0, &Tensor::of_slice(&rows));
        let loss = own.cross_entropy_loss(&Tensor::of_slice(&classes), Some(&self.classes), Reduction::Mean, -100, 0.0);
        loss * self.weight
    }
}
