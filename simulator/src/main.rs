//! The program: the clouds for a person with a terminal, or for the tests of another language.
#![forbid(unsafe_code)]

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::mpsc;
use std::{fs, thread};

use keyfob_simulator::{Cloud, Simulator};
use signal_hook::consts::{SIGINT, SIGTERM};

const USAGE: &str = "\
The IoT clouds that keyfob knows, simulated on this machine.

usage: keyfob-simulator [options]
       keyfob-simulator --as CLOUD[/LOGIN] PROGRAM [argument ...]

  --info-file PATH  write what GET /info answers to a file once everything listens
  --port-base N     control port N, and the clouds from N+1 on; free ports otherwise
  --until-eof       stop at the end of standard input, besides Ctrl-C
  --quiet           print nothing
  --as CLOUD        run a program as a user of this cloud, and end with it and as it does. It has the
                    options as KEYFOB_... variables, SIMULATOR_DEVICES, the URL of a list of devices,
                    and SIMULATOR_CONTROL, the control port's
  --help            print this
";

#[derive(Debug, Default)]
struct Options {
    info_file: Option<PathBuf>,
    port_base: Option<u16>,
    until_eof: bool,
    quiet: bool,
    /// Whose user a program is.
    cloud: Option<(Cloud, Option<String>)>,
    program: Vec<String>,
}

fn main() -> ExitCode {
    let options = match parse(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(why) => {
            eprint!("keyfob-simulator: {why}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(code) => code,
        Err(why) => {
            eprintln!("keyfob-simulator: {why}");
            ExitCode::FAILURE
        }
    }
}

fn parse(mut words: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let mut options = Options::default();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--info-file" => options.info_file = Some(value()?.into()),
            "--port-base" => {
                let port = value()?.parse().ok().filter(|port| (1..=65_500).contains(port));
                options.port_base = Some(port.ok_or("--port-base needs a port from 1 to 65500")?);
            }
            "--until-eof" => options.until_eof = true,
            "--quiet" => options.quiet = true,
            "--as" => {
                let named = value()?;
                let (name, login) = match named.split_once('/') {
                    Some((name, login)) => (name, Some(login.to_owned())),
                    None => (named.as_str(), None),
                };
                let cloud = Cloud::ALL.into_iter().find(|cloud| cloud.name() == name);
                options.cloud =
                    Some((cloud.ok_or_else(|| format!("there is no cloud {name}"))?, login));
            }
            "--help" | "-h" => return Ok(None),
            _ if options.cloud.is_some() && !word.starts_with('-') => {
                options.program = std::iter::once(word).chain(words.by_ref()).collect();
            }
            _ => return Err(format!("there is no option {word}")),
        }
    }
    match options.cloud.is_some() && options.program.is_empty() {
        true => Err("--as needs a program".to_owned()),
        false => Ok(Some(options)),
    }
}

fn run(options: &Options) -> io::Result<ExitCode> {
    let stop = options.program.is_empty().then(|| stop_signs(options.until_eof)).transpose()?;
    let sim = Simulator::start_at(options.port_base)?;
    if let Some(path) = &options.info_file {
        write_whole(path, &format!("{:#}\n", sim.info()))?;
    }
    let code = match (stop, &options.cloud) {
        (None, Some((cloud, login))) => obey(&sim, *cloud, login.as_deref(), &options.program),
        (stop, _) => {
            if !options.quiet {
                introduce(&sim);
            }
            let _ = stop.map(|stop| stop.recv());
            Ok(ExitCode::SUCCESS)
        }
    };
    if let Some(path) = &options.info_file {
        let _ = fs::remove_file(path);
    }
    code
}

/// Runs a program as a user of a cloud, and gives how it ended. What a person has set for another cloud
/// is not passed on.
fn obey(
    sim: &Simulator,
    cloud: Cloud,
    login: Option<&str>,
    program: &[String],
) -> io::Result<ExitCode> {
    let Some(options) = sim.options(cloud, login) else {
        return Err(io::Error::other(format!("{} has no such login", cloud.name())));
    };
    let mut command = Command::new(&program[0]);
    command.args(&program[1..]);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("KEYFOB_") && name != "KEYFOB_LIBRARY" {
            command.env_remove(name);
        }
    }
    for (name, value) in options {
        command.env(format!("KEYFOB_{}", name.to_uppercase()), value);
    }
    command.env("SIMULATOR_CONTROL", sim.control_url());
    command.env("SIMULATOR_DEVICES", format!("{}{}", sim.api_url(cloud), cloud.devices_path()));
    let status = command
        .status()
        .map_err(|why| io::Error::new(why.kind(), format!("{}: {why}", program[0])))?;
    // A signal has no status; a shell says 128 and more.
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(128)))
}

/// Receives something when it is time to stop.
fn stop_signs(until_eof: bool) -> io::Result<mpsc::Receiver<()>> {
    let (sender, receiver) = mpsc::channel();
    let on_signal = sender.clone();
    let mut wait = signals()?;
    thread::spawn(move || {
        wait();
        let _ = on_signal.send(());
    });
    if until_eof {
        thread::spawn(move || {
            let mut waste = [0; 256];
            while io::stdin().read(&mut waste).is_ok_and(|got| got > 0) {}
            let _ = sender.send(());
        });
    }
    Ok(receiver)
}

/// Waits for Ctrl-C, or to be told to end.
#[cfg(unix)]
fn signals() -> io::Result<impl FnMut() + Send> {
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?;
    Ok(move || {
        let _ = signals.forever().next();
    })
}

/// The same. Windows has no signals to wait for, so a flag is looked at.
#[cfg(not(unix))]
fn signals() -> io::Result<impl FnMut() + Send> {
    let told = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    for each in [SIGINT, SIGTERM] {
        signal_hook::flag::register(each, told.clone())?;
    }
    Ok(move || {
        while !told.load(std::sync::atomic::Ordering::Relaxed) {
            thread::sleep(std::time::Duration::from_millis(50));
        }
    })
}

/// Whoever waits for the file must never read half of it.
fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    fs::write(&partial, text)?;
    fs::rename(&partial, path)
}

fn introduce(sim: &Simulator) {
    let control = sim.control_url();
    println!("control  {control}    a page for your browser; simulator/README.md has the orders");
    println!("ca file  {}", sim.ca_file().display());
    let known = [Cloud::Kontakt, Cloud::IotConnect, Cloud::Kii, Cloud::Simacan, Cloud::OAuth2];
    for cloud in known {
        println!("\n# {}, to paste into a shell:", cloud.name());
        print!("{}", sim.shell_block(cloud, None).unwrap_or_default());
    }
    let others: Vec<&str> =
        Cloud::ALL.into_iter().filter(|cloud| !known.contains(cloud)).map(Cloud::name).collect();
    println!("\nThe same for any of {} more clouds, and for each of its logins:", others.len());
    println!("  eval \"$(curl -sf {control}/try/thingsboard)\"");
    println!("  {}", others.join(" "));
    println!("\nwind an hour     curl {control}/wind -d '{{\"seconds\": 3600}}'");
    println!("end all tokens   curl {control}/revoke -d '{{\"what\": \"access\"}}'");
    println!("what arrived     curl {control}/journal");
    println!("\nCtrl-C stops.");
}
