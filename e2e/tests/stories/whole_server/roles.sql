SELECT rolname, rolcanlogin, rolpassword FROM pg_authid WHERE rolname ~ '^(crm|shop)_' ORDER BY 1;
SELECT roleid::regrole, member::regrole FROM pg_auth_members WHERE member = 'crm_owner'::regrole;
