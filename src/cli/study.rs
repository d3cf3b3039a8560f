//! `kronfit study`: a simulation study in a folder, resumable, in shards or whole.

use super::Done;
use super::progress::{CountProgress, complain, interrupted, say};
use crate::io;
use crate::report::{StudyTables, plot};
use crate::study::{Ended, Results, RunOptions, Shard, Study, merge};
use crate::{Error, Result};
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};

/// What a study file may say; a test holds it to the keys that are read.
const KEYS: &str = "\
Keys of a study file (TOML; lists are crossed):
  name, seed, replicates
  target = \"scale\" or \"covariance\": what is compared with the truth
  show, plot: measures of the printed table and of the figures
  coverage = true, or a level as 0.9: measure the coverage of confidence intervals, too
  [design]       n, p, q, law, dof, rows, cols, contamination (as for simulate)
  [[estimator]]  name, law (tyler, too), dof (or \"estimate\"), rows, cols, mean, method, tol,
                 max_iter, force; robust = true: intervals from sandwich standard errors";

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = KEYS)]
pub(super) struct StudyArgs {
    #[command(subcommand)]
    part: Option<Part>,
    /// The study file.
    #[arg(value_name = "STUDY.toml", required = true)]
    file: Option<PathBuf>,
    /// Folder of the results [default: the study file's name, with -results].
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Continue a study that was stopped; starts it where there is nothing yet.
    #[arg(long)]
    resume: bool,
    /// Do part i of k only; `kronfit study merge` puts the parts together.
    #[arg(long, value_name = "i/k", default_value_t = Shard::WHOLE)]
    shard: Shard,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// Put the shards of a study together: the same files as one run.
    Merge(MergeArgs),
}

#[derive(Debug, Args)]
struct MergeArgs {
    /// Folders of the shards.
    #[arg(value_name = "DIR", required = true)]
    folders: Vec<PathBuf>,
    /// Folder of the results.
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
}

pub(super) fn run(args: &StudyArgs, threads: Option<usize>, quiet: bool) -> Result<Done> {
    if let Some(Part::Merge(merging)) = &args.part {
        let results = merge(&merging.folders, &merging.output)?;
        return finish(&merging.output, &results, quiet);
    }
    let Some(file) = &args.file else {
        return Err(Error::domain("the study file", "missing", "the path of a .toml file"));
    };
    let study = Study::read(file)?;
    let folder = args.output.clone().unwrap_or_else(|| default_folder(file));
    let options = RunOptions {
        threads: threads.unwrap_or(0),
        shard: args.shard,
        resume: args.resume,
        stop: Some(interrupted()),
    };
    let bar = CountProgress::new(quiet, None, "replicates");
    let ended = study.run_in_folder(&folder, &options, &mut |now| bar.study(now));
    bar.finish();
    match ended? {
        Ended::Finished(results) => finish(&folder, &results, quiet),
        Ended::ShardFinished(now) => {
            if !quiet {
                say(&format!(
                    "shard {}: {} replicates in {}; when all shards are done: kronfit study merge \
                     DIR... -o DIR\n",
                    args.shard,
                    now.done,
                    folder.display()
                ))?;
            }
            Ok(Done::Fully)
        }
        Ended::Stopped(now) => {
            let shard = if args.shard.is_whole() {
                String::new()
            } else {
                format!(" --shard {}", args.shard)
            };
            complain(&format!(
                "stopped: {} of {} replicates are done and kept in {}; to continue: kronfit study \
                 {} -o {}{shard} --resume",
                now.done,
                now.total,
                folder.display(),
                file.display(),
                folder.display()
            ));
            Ok(Done::Stopped)
        }
    }
}

fn default_folder(file: &Path) -> PathBuf {
    let stem = file.file_stem().map_or("study".into(), |s| s.to_string_lossy());
    file.with_file_name(format!("{stem}-results"))
}

fn finish(folder: &Path, results: &Results, quiet: bool) -> Result<Done> {
    let summary = results.summary();
    let tables = StudyTables::new(&summary);
    io::write_text(&folder.join("summary.txt"), &tables.errors())?;
    plot::write_figures(&folder.join("figures"), &plot::study_figures(&summary)?)?;
    if !quiet {
        say(&format!("{}\n{}", tables.errors(), tables.times()))?;
        say(&format!("\nresults: {}\n", folder.display()))?;
    }
    Ok(Done::Fully)
}
