//! Secrets in the places where agents meet them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;

use crate::dice::Dice;
use crate::setting;

/// A secret in its place.
pub(crate) struct Case {
    pub(crate) kind: String,
    pub(crate) setting: &'static str,
    pub(crate) secret: String,
    pub(crate) data: Value,
}

/// Secrets that are known by their shape: family, recipe.
const SHAPES: &[(&str, &str)] = &[
    ("AWS", "=AKIA|A16"),
    ("AWS", "=ASIA|A16"),
    ("Google", "=AIza|w35"),
    ("Google", "=ya29.|w120"),
    ("Google", "=GOCSPX-|w28"),
    ("Azure", "n3|d1|=Q~|w34"),
    ("Azure", "n76|=AZDO|n4"),
    ("Azure", "n52|=JQQJ99|n26"),
    ("GitHub", "=ghp_|n36"),
    ("GitHub", "=gho_|n36"),
    ("GitHub", "=ghs_|n36"),
    ("GitHub", "=github_pat_|n22|=_|n59"),
    ("GitLab", "=glpat-|w20"),
    ("GitLab", "=glrt-|w20"),
    ("GitLab", "=gldt-|w20"),
    ("Slack", "=xoxb-|d12|=-|d13|=-|n24"),
    ("Slack", "=xoxp-|d12|=-|d12|=-|d13|=-|h32"),
    ("Slack", "=xapp-1-A|U10|=-|d13|=-|h64"),
    ("Slack", "=https://hooks.slack.com/services/T|U10|=/B|U10|=/|n24"),
    ("Stripe", "=sk_live_|n24"),
    ("Stripe", "=sk_test_|n99"),
    ("Stripe", "=rk_live_|n99"),
    ("Stripe", "=whsec_|n32"),
    ("OpenAI", "=sk-proj-|w74|=T3BlbkFJ|w74"),
    ("OpenAI", "=sk-|n20|=T3BlbkFJ|n20"),
    ("OpenAI", "=sk-svcacct-|w74"),
    ("Anthropic", "=sk-ant-api03-|w93|=AA"),
    ("Anthropic", "=sk-ant-oat01-|w93|=AA"),
    ("Hugging Face", "=hf_|a34"),
    ("Other models", "=gsk_|n52"),
    ("Other models", "=xai-|n80"),
    ("Other models", "=r8_|n37"),
    ("Other models", "=sk-or-v1-|h64"),
    ("Other models", "=nvapi-|w64"),
    ("Registries", "=npm_|n36"),
    ("Registries", "=pypi-AgEIcHlwaS5vcmc|w80"),
    ("Registries", "=rubygems_|h48"),
    ("Registries", "=cio|n32"),
    ("Registries", "=dckr_pat_|w27"),
    ("Cloud", "=dop_v1_|h64"),
    ("Cloud", "=dapi|h32"),
    ("Cloud", "=hvs.|w95"),
    ("Cloud", "n14|=.atlasv1.|n67"),
    ("Cloud", "=pul-|h40"),
    ("Cloud", "=tskey-auth-|n12|=CNTRL-|n32"),
    ("Cloud", "=dp.pt.|n43"),
    ("Cloud", "=sbp_|h40"),
    ("Shopify", "=shpat_|h32"),
    ("Shopify", "=shpss_|h32"),
    ("Twilio and mail", "=SK|h32"),
    ("Twilio and mail", "=SG.|w22|=.|w43"),
    ("Twilio and mail", "=key-|h32"),
    ("Twilio and mail", "h32|=-us12"),
    ("Twilio and mail", "=xkeysib-|h64|=-|n16"),
    ("Telegram", "c1|d9|=:AA|w33"),
    ("Watching", "=glsa_|n32|=_|h8"),
    ("Watching", "=sntryu_|h64"),
    ("Watching", "=NRAK-|U27"),
    ("Watching", "=squ_|h40"),
    ("Offices", "=lin_api_|n40"),
    ("Offices", "=ntn_|n46"),
    ("Offices", "=pat|n14|=.|h64"),
    ("Offices", "=figd_|w40"),
    ("Offices", "=PMAK-|h24|=-|h34"),
    ("Offices", "=ATATT3xFfGF0|w170"),
    ("Further issuers", "=A3-|U6|=-|U6|=-|U5|=-|U5|=-|U5|=-|U5"),
    ("Further issuers", "=AAAAAAAAAAAAAAAAAAAAA|n80"),
    ("Further issuers", "=AKID|n32"),
    ("Further issuers", "=ATTA|n72"),
    ("Further issuers", "=YC|w38"),
    ("Further issuers", "=access_token$production$|l16|=$|h32"),
    ("Further issuers", "=amzn.mws.|h8|=-|h4|=-|h4|=-|h4|=-|h12"),
    ("Further issuers", "=apify_api_|n36"),
    ("Further issuers", "=api_live.|n43"),
    ("Further issuers", "=bedrock-api-key-|b132"),
    ("Further issuers", "=cmVmd|n59"),
    ("Further issuers", "=ddp_|n36"),
    ("Further issuers", "=dnkey-|n26|=-|n52"),
    ("Further issuers", "=dp.sa.|n43"),
    ("Further issuers", "=e2b_|h40"),
    ("Further issuers", "=eyJrIjoi|n92"),
    ("Further issuers", "=fc-|h32"),
    ("Further issuers", "=fw_|n24"),
    ("Further issuers", "=hcaik_|n58"),
    ("Further issuers", "=jina_|w60"),
    ("Further issuers", "=live_|w40"),
    ("Further issuers", "=napi_|l64"),
    ("Further issuers", "=ovsxat_|h8|=-|h4|=-|h4|=-|h4|=-|h12"),
    ("Further issuers", "=pa-|w43"),
    ("Further issuers", "=pat.|w22|=.|n24|=.|n20"),
    ("Further issuers", "=pdl_live_apikey_|l26|=_|n22|=_|n3"),
    ("Further issuers", "=perm:|n12|=.|n16|=.|n30"),
    ("Further issuers", "=phx_|n43"),
    ("Further issuers", "=p8e-|l32"),
    ("Further issuers", "=pylf_v1_us_|n43"),
    ("Further issuers", "=re_|n8|=_|n24"),
    ("Further issuers", "=rnd_|n28"),
    ("Further issuers", "=rootly_|h64"),
    ("Further issuers", "=s-s4t2ud-|h64"),
    ("Further issuers", "=secret-live-|w36"),
    ("Further issuers", "=sk.eyJ|n80|=.|w22"),
    ("Further issuers", "=sk_|h48"),
    ("Further issuers", "=sl.|w135"),
    ("Further issuers", "=slk_|h64"),
    ("Further issuers", "=t1.|w80|=.|w86"),
    ("Further issuers", "=tss_|n36"),
    ("Further issuers", "=vck_|n56"),
    ("Further issuers", "=waka_|h8|=-|h4|=-|h4|=-|h4|=-|h12"),
    (
        "Further issuers",
        "=https://acme.webhook.office.com/webhookb2/|h8|=-|h4|=-|h4|=-|h4|=-|h12|=@|h8|=-|h4|=-|h4|=-|h4|=-|h12|=/IncomingWebhook/|h32|=/|h8|=-|h4|=-|h4|=-|h4|=-|h12",
    ),
    ("Further issuers", "=xau_|n42"),
    ("Further issuers", "=xsmtpsib-|h64|=-|n16"),
    ("Further issuers", "=xwfp-|d12|=-|d13|=-|n24"),
    ("Further issuers", "=y0_|w58"),
    ("Further issuers", "=zpka_|h32|=_|h8"),
    ("Further issuers", "=4b1d|n38"),
    ("Further issuers", "=MTA4NDE0|D|=.G|w5|=.|w38"),
    ("Further issuers", "n42|=AzSeA|n5"),
    ("Further issuers", "b33|=+AEhA|b5|=="),
    ("Further issuers", "h36|=NRAL"),
    ("Further issuers", "=AAAA|w7|=:APA91b|w134"),
    ("age", "=AGE-SECRET-KEY-1|q58"),
];

/// Secrets that only their name tells: family, names, recipe.
const NAMED: &[(&str, &[&str], &str)] = &[
    ("Key by name", &["API_KEY", "ACME_API_KEY", "X_API_KEY", "DATADOG_API_KEY", "apiKey", "api_key"], "n32"),
    ("Key by name", &["API_KEY", "ALGOLIA_API_KEY", "apiKey", "service_key", "encryption_key"], "h32"),
    ("Key by name", &["AZURE_STORAGE_ACCOUNT_KEY", "accountKey", "SIGNING_KEY", "MASTER_KEY"], "b86|==="),
    ("Secret by name", &["AWS_SECRET_ACCESS_KEY", "aws_secret_access_key", "secretAccessKey"], "b40"),
    (
        "Secret by name",
        &["CLIENT_SECRET", "client_secret", "JWT_SECRET", "SESSION_SECRET", "webhookSecret"],
        "w40",
    ),
    ("Secret by name", &["SECRET_KEY_BASE", "DJANGO_SECRET_KEY", "appSecret", "app.secret"], "h64"),
    ("Token by name", &["ACCESS_TOKEN", "authToken", "refresh_token", "CI_JOB_TOKEN", "bot_token"], "n40"),
    ("Token by name", &["VAULT_TOKEN", "accessToken", "deploy_token", "CIRCLE_TOKEN"], "w26"),
];

/// Names of passwords.
const PASSWORDS: &[&str] = &[
    "DB_PASSWORD",
    "PGPASSWORD",
    "password",
    "MYSQL_ROOT_PASSWORD",
    "dbPassword",
    "spring.datasource.password",
    "smtp_password",
    "ADMIN_PASSWORD",
    "redis_passwd",
    "passphrase",
];

/// Makes all of them.
pub(crate) fn cases(dice: &mut Dice) -> Vec<Case> {
    let mut cases = Vec::new();
    for (family, recipe) in SHAPES {
        for setting in setting::neutral() {
            let secret = dice.cook(recipe);
            let data = (setting.write)(dice, "", &secret);
            cases.push(Case { kind: (*family).to_owned(), setting: setting.name, secret, data });
        }
    }
    for (family, names, recipe) in NAMED {
        for setting in setting::named() {
            for _ in 0..2 {
                let name = dice.one_of(names);
                let secret = dice.cook(recipe);
                let data = (setting.write)(dice, name, &secret);
                cases.push(Case { kind: (*family).to_owned(), setting: setting.name, secret, data });
            }
        }
    }
    for setting in setting::named() {
        for _ in 0..4 {
            let name = dice.one_of(PASSWORDS);
            let secret = dice.password();
            let data = (setting.write)(dice, name, &secret);
            cases.push(Case { kind: "Password by name".to_owned(), setting: setting.name, secret, data });
        }
    }
    for setting in setting::neutral() {
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
        let payload = URL_SAFE_NO_PAD
            .encode(format!(r#"{{"sub":"{}","iat":1790000000}}"#, dice.letters("0123456789", 10)));
        let secret = format!("{header}.{payload}.{}", dice.cook("w43"));
        let data = (setting.write)(dice, "", &secret);
        cases.push(Case { kind: "JWT".to_owned(), setting: setting.name, secret, data });
    }
    for setting in setting::long() {
        for label in ["RSA ", "OPENSSH ", "EC ", "", "ENCRYPTED "] {
            let lines: Vec<String> = (0..12).map(|_| dice.cook("b64")).collect();
            // The middle of the key is what must not stay.
            let secret = lines[6].clone();
            let text = format!(
                "-----BEGIN {label}PRIVATE KEY-----\n{}\n-----END {label}PRIVATE KEY-----\n",
                lines.join("\n")
            );
            let data = (setting.write)(dice, "", &text);
            cases.push(Case { kind: "Private key".to_owned(), setting: setting.name, secret, data });
        }
    }
    for setting in setting::address() {
        for _ in 0..3 {
            let secret = dice.cook(dice_recipe(cases.len()));
            let data = (setting.write)(dice, "", &secret);
            cases.push(Case {
                kind: "Address with password".to_owned(),
                setting: setting.name,
                secret,
                data,
            });
        }
    }
    for setting in setting::header() {
        for recipe in ["n40", "w64", "h40"] {
            let secret = dice.cook(recipe);
            let data = (setting.write)(dice, "", &secret);
            cases.push(Case { kind: "Header".to_owned(), setting: setting.name, secret, data });
        }
        let secret = STANDARD.encode(format!("deploy:{}", dice.password()));
        let data = setting::basic(&secret, setting.name);
        cases.push(Case { kind: "Header".to_owned(), setting: "basic", secret, data });
    }
    cases
}

fn dice_recipe(at: usize) -> &'static str {
    ["n16", "l10|=-|d3", "n24"][at % 3]
}
